"""Streams every wish of a JSONL file through a gateway; prints time to first text and to the end.

  WEIR_URL=http://127.0.0.1:8080 WEIR_KEY=... python3 docs/benchmarks/latency.py models/intent/testdata/wishes.jsonl
"""
import json, os, sys, time, http.client
from urllib.parse import urlparse
key=os.environ['WEIR_KEY']
T,F=[],[]
for l in open(sys.argv[1]):
    w=json.loads(l)
    c=http.client.HTTPConnection(urlparse(os.environ['WEIR_URL']).netloc)
    b=json.dumps({"model":"intent","stream":True,"messages":[{"role":"user","content":w["wish"]}],"weir":{"now":w["now"]}})
    t=time.time(); c.request('POST','/v1/chat/completions',b,{"Authorization":"Bearer "+key}); r=c.getresponse()
    first=None
    while True:
        x=r.readline()
        if not x: break
        if b'"content":"' in x and b'"content":""' not in x and first is None: first=time.time()-t
    T.append(time.time()-t); F.append(first or 9)
    assert r.status==200
for n,v in (("first text",F),("whole answer",T)):
    v=sorted(v); print(n,"ms: p50 %.1f p95 %.1f max %.1f"%tuple(1000*v[int(q*(len(v)-1))] for q in (.5,.95,1)))
