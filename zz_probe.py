import tempfile,time,logging
from pathlib import Path
from tests.systems.network import hosts, can_make_hosts
from tests.systems.cluster import Cluster
print(can_make_hosts())
with tempfile.TemporaryDirectory() as f, hosts(3) as hs:
    c=Cluster(Path(f),hs)
    t=time.monotonic()
    try:
        c.start()
        print("started",time.monotonic()-t, c.mongods.url, c.rabbits.url)
        while not c.rabbits.is_whole(): time.sleep(.5)
        print("whole",time.monotonic()-t)
        p=c.mongods.primary(); print(p.host)
        t=time.monotonic(); c.host_of(p).unplug(); 
        while (q:=c.mongods._find_primary()) is None or q is p: time.sleep(.2)
        print("elected",time.monotonic()-t,q.host)
        time.sleep(15); print([ (n['name'],n['running'],n['partitions']) for n in c.rabbits._ask('/api/nodes')])
        c.host_of(p).plug_in(); t=time.monotonic()
        while not c.mongods.is_whole(): time.sleep(.2)
        print("mongo whole",time.monotonic()-t)
        while not c.rabbits.is_whole(): time.sleep(.2)
        print("rabbit whole",time.monotonic()-t)
    finally:
        c.stop()
        for p in sorted(Path(f).glob('*/logs/rabbit*.log')): print(p, p.read_text()[-1500:])
