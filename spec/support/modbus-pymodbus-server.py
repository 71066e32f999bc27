"""A pymodbus server for specs: TYPE (tcp, udp, rtu-tcp, rtu, ascii) and, for a serial line, PATH. Prints its port, or "ready".

Holding registers and coils start as 0; input register n holds n, discrete input n is on when n is odd.
"""
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.transaction import ModbusAsciiFramer, ModbusRtuFramer, ModbusSocketFramer


async def main(kind, path=None):
    slave = ModbusSlaveContext(
        co=ModbusSequentialDataBlock(0, [0] * 1000),
        di=ModbusSequentialDataBlock(0, [n % 2 for n in range(1000)]),
        hr=ModbusSequentialDataBlock(0, [0] * 1000),
        ir=ModbusSequentialDataBlock(0, list(range(1000))),
        zero_mode=True,
    )
    context = ModbusServerContext(slaves=slave, single=True)
    if kind in ("tcp", "udp", "rtu-tcp"):
        make = ModbusUdpServer if kind == "udp" else ModbusTcpServer
        framer = ModbusRtuFramer if kind == "rtu-tcp" else ModbusSocketFramer
        server = make(context, framer=framer, address=("127.0.0.1", 0))
        task = asyncio.ensure_future(server.serve_forever())
        await server.serving
        sockets = server.server.sockets if kind != "udp" else [server.protocol.get_extra_info("socket")]
        print(sockets[0].getsockname()[1], flush=True)
        await task
    else:
        framer = ModbusRtuFramer if kind == "rtu" else ModbusAsciiFramer
        server = ModbusSerialServer(context, framer=framer, port=path, baudrate=115200)
        await server.start()
        print("ready", flush=True)
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
