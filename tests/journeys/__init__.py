"""Stories: a webhook comes in, a phone rings, and the record says why."""
