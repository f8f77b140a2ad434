"""django-scim2 with the models that its documentation asks for, and a bearer token.

Adapters and filters are those of the package. DATA is the folder of the database.
"""

import os

import django
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import run
from django.core.wsgi import get_wsgi_application

PORT, DATA = int(os.environ["PORT"]), os.environ["DATA"]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    AUTH_USER_MODEL="people.User",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{DATA}/people.sqlite",
                           "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"}}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "people", "django_scim"],
    MIDDLEWARE=["people.token.BearerToken"],
    ROOT_URLCONF="people.urls",
    SCIM_SERVICE_PROVIDER={
        "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "token"}],
        "GROUP_MODEL": "people.models.Group",
        "NETLOC": f"127.0.0.1:{PORT}",
        "SCHEME": "http",
    },
    SECRET_KEY="signs nothing",
    USE_TZ=True,
)
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
run("127.0.0.1", PORT, get_wsgi_application(), threading=True)
