"""A small site behind real servers: gunicorn, uvicorn and granian, as processes of their own."""
