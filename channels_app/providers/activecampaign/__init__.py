"""ActiveCampaign: a contact's fields and tags, which the operator's own automations act on."""
