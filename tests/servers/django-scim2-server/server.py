"""django-scim2-server as its README shows it, with a bearer token. DATA is the folder of the database."""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import run
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

PORT, DATA, HEADER = int(os.environ["PORT"]), os.environ["DATA"], f"Bearer {os.environ['TOKEN']}"


def has_token(request):
    return request.headers.get("authorization") == HEADER


sys.modules["server"] = sys.modules["__main__"]
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{DATA}/people.sqlite",
                           "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"}}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_scim2_server"],
    ROOT_URLCONF="server",
    SCIM2_SERVER_AUTH_CHECK="server.has_token",
    SECRET_KEY="signs nothing",
    USE_TZ=True,
)
urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]
django.setup()
call_command("migrate", verbosity=0)
run("127.0.0.1", PORT, get_wsgi_application(), threading=True)
