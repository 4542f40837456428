"""What the pages say of streams, as values: computed from the database and the store, with no HTTP in it."""
