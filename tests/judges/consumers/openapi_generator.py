import json
import sys

import openapi_client as generated

url, key = sys.argv[1:]
configuration = generated.Configuration(host=url, access_token=key)
api = generated.@PASCAL@Api(generated.ApiClient(configuration))
body = generated.@PASCAL@CreateRequest.from_dict({"id": "1", "data": json.loads('''@BODY@''')})
written = api.@SNAKE@_create(body)
assert written.success is True, written
listed = api.@SNAKE@_list(limit=5)
row = listed.data[0]
print(json.dumps({"field": row.@FIELD@, "row": json.loads(row.to_json())}))
