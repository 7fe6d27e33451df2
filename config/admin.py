"""Users, groups and the beat's schedule, in the same dress as the rest of the admin."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django_celery_beat import admin as beat
from django_celery_beat import models as schedules
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

for model in (
    User,
    Group,
    schedules.ClockedSchedule,
    schedules.CrontabSchedule,
    schedules.IntervalSchedule,
    schedules.PeriodicTask,
    schedules.SolarSchedule,
):
    admin.site.unregister(model)


@admin.register(User)
class StaffUserAdmin(UserAdmin, ModelAdmin):
    """People who sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):
    """Sets of rights in the admin."""


@admin.register(schedules.PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, ModelAdmin):
    """The beat's chores."""


@admin.register(schedules.ClockedSchedule)
class ClockedScheduleAdmin(beat.ClockedScheduleAdmin, ModelAdmin):
    """Single moments."""


@admin.register(schedules.CrontabSchedule)
class CrontabScheduleAdmin(beat.CrontabScheduleAdmin, ModelAdmin):
    """Clock patterns."""


@admin.register(schedules.IntervalSchedule, schedules.SolarSchedule)
class ScheduleAdmin(ModelAdmin):
    """Intervals, and the sun."""
