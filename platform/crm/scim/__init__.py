"""SCIM 2.0 (RFC 7643, 7644): a provider keeps the workspace's list of members."""
