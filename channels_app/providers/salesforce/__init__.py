"""Salesforce: publishes a platform event, or keeps a record up to date, for a Flow to act on."""
