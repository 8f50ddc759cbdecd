import json
import sys

from client import AuthenticatedClient
from client.api.@SNAKE@ import @SNAKE@_create, @SNAKE@_list
from client.models import @PASCAL@CreateBody, @TYPE@Create

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)
data = @TYPE@Create.from_dict(json.loads('''@BODY@'''))
body = @PASCAL@CreateBody(id="1", data=data)
written = @SNAKE@_create.sync(client=client, body=body)
assert written.success is True, written
listed = @SNAKE@_list.sync(client=client, limit=5)
row = listed.data[0]
print(json.dumps({"field": row.@FIELD@, "row": row.to_dict()}))
