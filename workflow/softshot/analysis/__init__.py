"""Analysis: from the finished runs of a study to its tables, figures and report page."""
