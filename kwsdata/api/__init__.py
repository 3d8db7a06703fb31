"""What `import kwsdata` offers to programs: few functions, each over the same code that the stages run.

Each module is imported when a name of it is first asked for.
"""
