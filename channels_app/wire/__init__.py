"""Dialects that several providers share."""
