from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=20)
    wants_sms = models.BooleanField(default=True)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    number = models.CharField(max_length=20, db_index=True)
    status = models.CharField(max_length=20, default="placed", db_index=True)
    total = models.DecimalField(max_digits=9, decimal_places=2)
    updated_at = models.DateTimeField(auto_now=True)


class Template(models.Model):
    status = models.CharField(max_length=20, unique=True)
    body = models.TextField()


class SentMessage(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    phone = models.CharField(max_length=20)
    body = models.TextField()
    provider_id = models.CharField(max_length=40)
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)


class WebhookEvent(models.Model):
    source = models.CharField(max_length=20)
    event_id = models.CharField(max_length=80)
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="webhook_once")]
