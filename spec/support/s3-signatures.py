"""Checks AWS signatures, version 4, with botocore: reads a JSON list of {method, url, headers}, prints a JSON list of booleans."""
import json
import re
import sys
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS, SECRET, REGION = sys.argv[1:4]


def check(seen):
    query = parse_qs(urlsplit(seen["url"]).query)
    by_query = "X-Amz-Signature" in query
    auth = (S3SigV4QueryAuth if by_query else S3SigV4Auth)(Credentials(ACCESS, SECRET), "s3", REGION)
    if by_query:
        given = query["X-Amz-Signature"][0]
        signed = query["X-Amz-SignedHeaders"][0].split(";")
        scope = query["X-Amz-Credential"][0]
        date = query["X-Amz-Date"][0]
        url = re.sub(r"&?X-Amz-Signature=[0-9a-f]+", "", seen["url"]).replace("?&", "?")
    else:
        header = seen["headers"]["authorization"]
        given = re.search(r"Signature=([0-9a-f]+)", header).group(1)
        signed = re.search(r"SignedHeaders=([^,]+)", header).group(1).split(";")
        scope = re.search(r"Credential=([^,]+)", header).group(1)
        date = seen["headers"]["x-amz-date"]
        url = seen["url"]
    request = AWSRequest(method=seen["method"], url=url)
    for name in signed:
        request.headers[name] = seen["headers"][name]
    request.context["timestamp"] = date
    right = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return scope == f"{ACCESS}/{date[:8]}/{REGION}/s3/aws4_request" and given == right


print(json.dumps([check(seen) for seen in json.load(sys.stdin)]))
