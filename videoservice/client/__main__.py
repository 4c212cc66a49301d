from videoservice.client.main import app

app(prog_name="videoservice")
