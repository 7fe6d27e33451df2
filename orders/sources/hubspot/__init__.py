"""HubSpot: webhooks of an app that point at orders or deals, and webhook actions of workflows."""
