"""The rules as small models: every state is searched. A model is the rule; its subclasses are the alternatives."""
