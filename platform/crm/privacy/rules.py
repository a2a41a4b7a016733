"""Where in a workspace a person can be mentioned: every column with text, in one of three ways.

A test holds these lists against the tables, so that a new column with text fails until somebody has thought about it.
"""

# Free text: mentions of the person give way to "…".
MENTIONS: dict[str, tuple[str, ...]] = {
    "company": ("name", "website", "about", "emails", "phones", "addresses", "labels", "custom"),
    "contact": ("about", "custom"),  # of others
    "deal": ("name", "lost_reason", "about", "items", "custom"),
    "product": ("name", "about"),
    "quote": ("name", "client", "items", "note", "message", "answered_by", "reason"),
    "payment": ("name", "note"),
    "letterhead": ("header", "footer", "terms"),
    "task": ("name", "about"),
    "note": ("text",),
    "request": ("name", "company", "email", "phone", "text", "answers", "fields", "reason", "page"),
    "form": ("name", "heading", "intro", "fields", "look"),
    "pipeline": ("name",),
    "stage": ("name",),
    "role": ("name",),
    "department": ("name",),
    "team": ("name",),
    "token": ("name",),
    "scim_token": ("name",),
    "import": ("file_name", "columns", "checked", "error", "undone", "format"),
    "export": ("ask", "file_name", "error"),
    "process": ("name",),
    "process_instance": ("name", "data", "error"),
    "process_step": ("values", "error"),
}
# Rows that are about one person as a whole: those that mention the person are deleted.
ROWS: dict[str, tuple[str, ...]] = {
    "import_refused": ("cells",),
    "waiting": ("input", "title", "error"),
    "idempotent_answer": ("body",),
    "notification": ("title",),
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
    "quote": ("sent_to", "answer_address"),
    "product": ("search",),
    "request_file": ("name",),  # goes with its request
}  # fmt: skip
# Words of ours (states, kinds, keys, hashes), and people who work here, who are no clients.
NEVER: dict[str, tuple[str, ...]] = {
    "awaited": ("event", "field"),
    "absence": ("reason", "rule", "takers", "state", "error"),
    "company": ("reg_no", "vat_no"),
    "connection": ("issuer", "client_id", "button", "role_claim", "role_map"),
    "counter": ("name",),
    "deal": ("status", "currency"),
    "department": ("path",),
    "domain": ("name", "code"),
    "done": ("subscriber", "work_id"),
    "event": ("action", "kind", "change", "via", "request_id", "address"),
    "export": ("what", "format", "standing", "state", "list_key", "plan", "parts", "file_key", "file_hash"),
    "form": ("key", "rule", "among", "member_ids", "origins"),
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
    "mail_block": ("email", "reason"),
    "note": ("form", "direction", "result"),
    "notification": ("kind", "record_kind", "data"),
    "notify_choice": ("said",),
    "letterhead": ("name", "address", "reg_no", "vat_no", "email", "phone", "website", "iban", "colour", "logo_key"),
    "payment": ("currency", "how", "stripe_id"),
    "till": ("mode", "ending"),
    "product": ("code", "unit", "currency"),
    "process": ("key", "draft"),
    "process_instance": ("status", "record_kind", "cause", "state"),
    "process_step": ("element", "kind", "name", "state", "waits_for"),
    "process_version": ("xml", "rights"),
    "push_subscription": ("endpoint", "p256dh", "auth", "server_key", "device"),
    "quote": ("number", "state", "language", "currency", "file_key", "checkout_id"),
    "request": ("source", "consents", "utm", "address", "doubts", "state"),
    "request_file": ("file_key", "type"),
    "role": ("key", "rights", "fields", "scopes"),
    "scim_token": ("ending",),
    "share": ("record_kind",),
    "task": ("todo",),
    "team": ("member_ids",),
    "token": ("ending", "addresses"),
    "usage": ("name",),
    "waiting": ("action",),
    "watch": ("record_kind",),
}  # fmt: skip
