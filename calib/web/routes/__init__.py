"""The addresses of the web pages, one file for each subject."""
