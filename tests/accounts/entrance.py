"""What people do at the entrance."""

PASSWORD = "correct horse battery"


def sign_up(client, email="ann@example.org", password=PASSWORD):
    return client.post("/accounts/signup/", {"email": email, "password1": password})


def sign_in(client, email="ann@example.org", password=PASSWORD, **extra):
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)


def is_in(client):
    return client.get("/queue/").status_code == 200


ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def guess(client, times, **extra):
    """Wrong passwords for ann@example.org. Returns the statuses."""
    data = {"login": "ann@example.org", "password": "wrong"}
    return [client.post("/accounts/login/", data, **extra).status_code for _ in range(times)]
