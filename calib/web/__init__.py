"""The pages in a browser: labelling, sign-in, and what stands around them. One FastAPI application."""
