"""Review: drawn rows become labelled rows, by people, by file, or by themselves."""
