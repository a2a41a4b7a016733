"""Taking data along: contacts, companies, deals, tasks, notes or everything, as a file made by a job."""
