"""What gunicorn serves: `crm.wsgi:app`."""

from crm.app import create_app

app = create_app()
