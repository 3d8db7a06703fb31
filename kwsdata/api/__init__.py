"""The public Python functions of `import kwsdata`; each calls the code that the stages run.

Each module is imported when a name of it is first asked for.
"""
