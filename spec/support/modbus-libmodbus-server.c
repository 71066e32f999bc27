/* A libmodbus server for specs: `server tcp`, or `server rtu PATH`. Prints its port, or "ready".
 * Holding registers and coils start as 0; input register n holds n, discrete input n is on when n is odd. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void serve(modbus_t *context, modbus_mapping_t *map) {
  uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    int length = modbus_receive(context, request);
    if (length > 0) modbus_reply(context, request, length, map);
    else if (length < 0 && errno != EMBBADCRC) return;
  }
}

int main(int argc, char **argv) {
  modbus_mapping_t *map = modbus_mapping_new(1000, 1000, 1000, 1000);
  for (int n = 0; n < 1000; n++) {
    map->tab_input_registers[n] = n;
    map->tab_input_bits[n] = n % 2;
  }
  if (argc > 2 && strcmp(argv[1], "rtu") == 0) {
    modbus_t *context = modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    modbus_set_slave(context, 1);
    if (modbus_connect(context) != 0) return 1;
    printf("ready\n");
    fflush(stdout);
    serve(context, map);
    return 0;
  }
  modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
  int listening = modbus_tcp_listen(context, 4);
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  if (listening < 0 || getsockname(listening, (struct sockaddr *)&address, &size) != 0) return 1;
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while (modbus_tcp_accept(context, &listening) >= 0) {
    serve(context, map);
    modbus_close(context);
  }
  return 0;
}
