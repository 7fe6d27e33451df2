# Orderbell in one image: web, worker and beat differ only in their command (see compose.yaml).
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 DATA=/data
RUN useradd --system --uid 10001 --create-home orderbell && install -d -o orderbell /data

WORKDIR /app
COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock
COPY . .
RUN DATA=/tmp/build python manage.py collectstatic --noinput && rm -rf /tmp/build

USER orderbell
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "config.wsgi:application"]
