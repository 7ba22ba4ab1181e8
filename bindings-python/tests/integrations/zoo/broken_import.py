SETTING = {"mode": "fast"}
SIZE = SETTING["size"]
