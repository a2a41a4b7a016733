"""Reads over contacts: the list and what its page shows beside each name."""

from datetime import datetime
from uuid import UUID


from core.listing import Filter, Listing, Sort
from crm.contacts.models import Contact

LISTING = Listing(
    model=Contact,
    sorts={
        "created": Sort(Contact.id, UUID),
        "name": Sort(Contact.sort_key, bytes),
        "city": Sort(Contact.city, str),
        "updated": Sort(Contact.updated_at, datetime),
    },
    default_sort="-created",
    filters={
        "owner_id": Filter(UUID, lambda _actor, value: Contact.owner_id == value, "contacts of this member"),
        "company_id": Filter(UUID, lambda _actor, value: Contact.company_id == value, "contacts of this company"),
        "city": Filter(str, lambda _actor, value: Contact.city == value, "exact city of the first address"),
        "label": Filter(str, lambda _actor, value: Contact.labels.contains([value]), "contacts with this label"),
        "email": Filter(str, lambda _actor, value: Contact.match_keys.contains([value.lower()]), "exact e-mail"),
        "phone": Filter(str, lambda _actor, value: Contact.match_keys.contains([value]), "exact phone in E.164"),
        "created_after": Filter(datetime, lambda _actor, value: Contact.created_at > value, "created after this moment"),
        "mine": Filter(bool, lambda actor, value: (Contact.owner_id == actor.member.id) == value, "own contacts only"),
        "import_id": Filter(UUID, lambda _actor, value: Contact.import_id == value, "contacts made by this import"),
    },
)
