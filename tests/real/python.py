# Tests Python's extension modules, including an SQL database and a compressor, in WebAssembly.
import decimal, hashlib, json, os, random, re, sqlite3, sys, time, zlib

print(sys.platform, sys.argv[1:])

db = sqlite3.connect("/data/squares.db")
db.execute("create table squares (n integer primary key, square integer, parity text)")
db.executemany("insert into squares values (?, ?, ?)", ((n, n * n, ["even", "odd"][n % 2]) for n in range(5000)))
db.execute("create index by_parity on squares (parity, square)")
db.commit()
print(db.execute("select parity, count(*), sum(square), max(n) from squares group by parity order by 1").fetchall())
print(db.execute("""with recursive fib(a, b) as (select 0, 1 union all select b, a + b from fib where b < 1e12)
                    select max(a) from fib""").fetchone())
print(db.execute("pragma integrity_check").fetchone())
db.close()

words = open("/data/text", "rb").read()
packed = zlib.compress(words, 9)
open("/data/packed", "wb").write(packed)
print(zlib.decompress(packed) == words, len(packed) < len(words) // 2, hex(zlib.crc32(words)))
print(hashlib.sha256(b"abc").hexdigest(), hashlib.md5(b"").hexdigest())

decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt())
print(pow(3, 1000, 10**40), 2**200)
print(json.dumps({"b": [1.5, None, True], "a": "\u00e9"}, sort_keys=True), re.findall(r"(\w)\1", "bookkeeper"))
print(sum(sorted(random.Random(1).sample(range(10**6), 1000))) > 0, time.time() > 1.7e9)

os.utime("/data/packed", (1, 1500000000.25))
print(os.stat("/data/packed").st_mtime, sorted(os.listdir("/data")))
descriptor = os.open("/data/packed", os.O_RDWR)
os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
os.ftruncate(descriptor, 100000)
print(os.fstat(descriptor).st_size)
try:
    open("/data/../../etc/passwd")
except OSError as error:
    print(type(error).__name__)
sys.exit(7)
