"""`python -m example_project.demo`: the shop and the sandbox, and one whole story told over HTTP."""
