"""Helps benches/ingest.sh: makes the data, does the job as the tutorials do, samples memory.

usage: ingest.py make FOLDER ROWS | peer KIND URL FILE | compare FOLDER | peak COMMAND...
"""

import json
import os
import statistics
import subprocess
import sys
import time


def make(folder, rows):
    """Writes the same rows in every format; nothing random, so every run has the same."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([
        ("id", pa.int64()), ("name", pa.string()), ("flag", pa.bool_()),
        ("amount", pa.float64()), ("at", pa.timestamp("us")),
    ])
    path = lambda name: os.path.join(folder, name)
    block = 100_000
    with open(path("rows.ndjson"), "w") as ndjson, open(path("rows.json"), "w") as array, \
            open(path("rows.csv"), "w") as csv, pq.ParquetWriter(path("rows.parquet"), schema) as parquet, \
            pa.OSFile(path("rows.arrows"), "wb") as sink, pa.ipc.new_stream(sink, schema) as arrow:
        array.write("[")
        csv.write("id,name,flag,amount,at\n")
        for start in range(0, rows, block):
            ids = range(start, min(start + block, rows))
            names = [f"{(n * 2654435761) % 2**40:010x}{(n * 40503) % 2**40:010x}" for n in ids]
            flags = [n % 3 == 0 for n in ids]
            amounts = [((n * 7919) % 1_000_003) / 100 + 0.001 for n in ids]
            ats = [1_700_000_000_000_000 + n * 1_000_003 for n in ids]
            texts = [f"{t[:10]}T{t[11:]}" for t in pa.array(ats, pa.timestamp("us")).cast(pa.string()).to_pylist()]
            batch = pa.record_batch([
                pa.array(ids, pa.int64()), pa.array(names), pa.array(flags),
                pa.array(amounts), pa.array(ats, pa.timestamp("us")),
            ], schema=schema)
            parquet.write_batch(batch)
            arrow.write_batch(batch)
            lines = [
                f'{{"id":{i},"name":"{n}","flag":{"true" if f else "false"},"amount":{a!r},"at":"{t}"}}'
                for i, n, f, a, t in zip(ids, names, flags, amounts, texts)
            ]
            ndjson.write("\n".join(lines) + "\n")
            array.write(("," if start else "") + ",\n".join(lines))
            csv.write("".join(
                f"{i},{n},{'true' if f else 'false'},{a!r},{t}\n"
                for i, n, f, a, t in zip(ids, names, flags, amounts, texts)
            ))
        array.write("]\n")


def peer(kind, url, file):
    """The same job without the action."""
    if os.path.exists(file):
        os.remove(file)
    if kind == "inserter":
        import datetime
        import requests
        from tableauhyperapi import (
            Connection, CreateMode, HyperProcess, Inserter, SchemaName, SqlType, TableDefinition, TableName, Telemetry,
        )

        records = requests.get(url).json()
        with HyperProcess(Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, parameters={"log_config": ""}) as engine:
            with Connection(engine.endpoint, file, CreateMode.CREATE_AND_REPLACE) as connection:
                connection.catalog.create_schema(SchemaName("Extract"))
                table = TableDefinition(TableName("Extract", "Extract"), [
                    TableDefinition.Column("id", SqlType.big_int()),
                    TableDefinition.Column("name", SqlType.text()),
                    TableDefinition.Column("flag", SqlType.bool()),
                    TableDefinition.Column("amount", SqlType.double()),
                    TableDefinition.Column("at", SqlType.timestamp()),
                ])
                connection.catalog.create_table(table)
                with Inserter(connection, table) as inserter:
                    for r in records:
                        at = datetime.datetime.fromisoformat(r["at"])
                        inserter.add_row([r["id"], r["name"], r["flag"], r["amount"], at])
                    inserter.execute()
    elif kind == "pandas":
        import pandas
        import pantab

        frame = pandas.read_csv(url, parse_dates=["at"])
        pantab.frame_to_hyper(frame, file, table=pantab.TableName("Extract", "Extract") if hasattr(pantab, "TableName") else "Extract")
    elif kind == "polars":
        import io
        import pantab
        import polars
        import requests

        frame = polars.read_ndjson(io.BytesIO(requests.get(url).content))
        frame = frame.with_columns(polars.col("at").str.to_datetime())
        pantab.frame_to_hyper(frame, file, table="Extract")
    else:
        sys.exit(f"unknown peer {kind}")


def status(pid, key):
    try:
        with open(f"/proc/{pid}/status") as lines:
            for line in lines:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def peak(command):
    """Prints the peak memory of a process and the largest anonymous memory of its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    own = engine = 0
    while process.poll() is None:
        own = max(own, status(process.pid, "VmHWM"))
        try:
            for task in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{task}/children") as children:
                    for child in children.read().split():
                        engine = max(engine, status(child, "RssAnon"))
        except OSError:
            pass
        time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")
    print(f"own process at most {own // 1024} MB, engine at most {engine // 1024} MB anonymous")


def compare(folder):
    """Prints how each command did against the first one of the same round: machines change their pace."""
    rounds = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as times:
            rounds.append(json.load(times)["results"])
    for index, first in enumerate(rounds[0]):
        taken = [results[index]["median"] for results in rounds]
        ratios = [results[index]["median"] / results[0]["median"] for results in rounds]
        print(
            f'{first["command"]:48} {statistics.median(taken):7.2f} s {statistics.median(ratios):6.2f} x'
            f" ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["peer"]:
        peer(*sys.argv[2:5])
    elif sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2:])
    elif sys.argv[1:2] == ["compare"]:
        compare(sys.argv[2])
    else:
        sys.exit(__doc__)
