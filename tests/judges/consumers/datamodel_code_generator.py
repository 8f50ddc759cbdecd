import json
import sys
import urllib.request

import models

url, key = sys.argv[1:]


def ask(method, path, body=None):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else body.encode()
    request = urllib.request.Request(url + path, data, headers, method=method)
    return urllib.request.urlopen(request).read()


data = models.@TYPE@Create.model_validate_json('''@BODY@''')
text = data.model_dump_json(by_alias=True, exclude_unset=True)
ask("POST", "/v1/models/@KEY@", '{"id": "1", "data": ' + text + "}")
page = json.loads(ask("GET", "/v1/models/@KEY@?limit=5"))
row = models.@TYPE@.model_validate(page["data"][0])
shown = json.loads(row.model_dump_json(by_alias=True, exclude_unset=True))
print(json.dumps({"field": shown["@FIELD@"], "row": shown}))
