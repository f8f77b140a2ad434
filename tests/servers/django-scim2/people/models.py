"""Users and groups with the columns of SCIM, as the documentation of django-scim2 asks for them."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin):
    name = models.CharField(max_length=80, unique=True)


class User(AbstractSCIMUserMixin, AbstractUser):
    groups = models.ManyToManyField(Group, related_name="user_set")

    @property
    def scim_groups(self):
        return self.groups
