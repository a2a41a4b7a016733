"""Where in a workspace a person can be mentioned: every column with text, in one of three ways.

A test holds these lists against the tables, so that a new column with text fails until somebody has thought about it.
"""

# Free text: mentions of the person give way to "…".
MENTIONS: dict[str, tuple[str, ...]] = {
    "company": ("name", "website", "about", "emails", "phones", "addresses", "labels", "custom"),
    "contact": ("about", "custom"),  # of others
    "deal": ("name", "lost_reason", "about", "custom"),
    "task": ("name", "about"),
    "note": ("text",),
    "pipeline": ("name",),
    "stage": ("name",),
    "role": ("name",),
    "mail_template": ("name", "subject", "body"),
    "department": ("name",),
    "team": ("name",),
    "token": ("name",),
    "scim_token": ("name",),
    "import": ("file_name", "columns", "checked", "error", "undone", "format"),
    "export": ("ask", "file_name", "error"),
}
# Rows that are about one person as a whole: those that mention the person are deleted.
ROWS: dict[str, tuple[str, ...]] = {
    "import_refused": ("cells",),
    "waiting": ("input", "title", "error"),
    "idempotent_answer": ("body",),
    "notification": ("title",),
    "call": ("from_number", "to_number", "about"),
    "mail_file": ("name",),
    "mail": ("from_name", "from_address", "to_address", "subject", "text", "html"),
}
# Blanked in the person's own rows and by the rules of events (control.erase_events); or computed from other columns.
OTHERWISE: dict[str, tuple[str, ...]] = {
    "event": ("title", "before", "after"),
    "contact": (
        "name", "prefix", "first_name", "last_name", "suffix", "position", "source", "emails", "phones", "addresses",
        "city", "labels", "search", "match_keys",
    ),
    "company": ("city", "search", "match_keys"),
    "deal": ("search",),
}  # fmt: skip
# Words of ours (states, kinds, keys, hashes), and people who work here, who are no clients.
NEVER: dict[str, tuple[str, ...]] = {
    "absence": ("reason", "rule", "takers", "state", "error"),
    "call": ("provider", "provider_id", "direction", "state", "error"),
    "company": ("reg_no", "vat_no"),
    "connection": ("issuer", "client_id", "button", "role_claim", "role_map"),
    "counter": ("name",),
    "deal": ("status", "currency"),
    "department": ("path",),
    "domain": ("name", "code"),
    "done": ("subscriber", "work_id"),
    "event": ("action", "kind", "change", "via", "request_id", "address"),
    "export": ("what", "format", "standing", "state", "list_key", "plan", "parts", "file_key", "file_hash"),
    "extension": ("number",),
    "handover": ("kind", "state", "why"),
    "idempotent_answer": ("key", "route", "etag"),
    "import": ("file_key", "file_hash", "mapping", "duplicates", "state"),
    "import_refused": ("field", "reason"),
    "invitation": ("email",),
    "link": ("issuer", "subject"),
    "member": (
        "name", "email", "state", "language", "time_zone", "position", "phone", "photo_key", "working_hours",
        "external_id",
    ),
    "mail": ("direction", "state", "error", "message_id", "answers", "checked", "source"),
    "mail_file": ("file_key",),
    "mail_block": ("email", "reason"),
    "note": ("form", "direction", "result"),
    "notification": ("kind", "record_kind", "data"),
    "notify_choice": ("said",),
    "push_subscription": ("endpoint", "p256dh", "auth", "server_key", "device"),
    "role": ("key", "rights", "fields", "scopes"),
    "scim_token": ("ending",),
    "share": ("record_kind",),
    "task": ("todo",),
    "team": ("member_ids",),
    "telephone": ("provider", "key", "place_url"),
    "token": ("ending", "addresses"),
    "usage": ("name",),
    "waiting": ("action",),
    "watch": ("record_kind",),
}  # fmt: skip
