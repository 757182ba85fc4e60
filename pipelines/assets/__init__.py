"""Assets by room: one thin asset per table, each a call of one library function."""
