"""Widgets: the pictures of a trace, alive in JupyterLab and still everywhere else."""
