/** A commented OpenRPC document of a robot. */
export const robotTemplate = `# A robot with JSON-RPC over HTTP. One method is one tool of the model.
openrpc: "1.3.2"
info:
  title: Robot
  version: "1.0.0"

servers:
  - name: robot
    url: http://127.0.0.1:8081/rpc   # the address of the robot

methods:
  - name: robot.status               # the model sees robot_status
    summary: Where the robot is, and what it carries
    x-lite-agent-effect: read        # without this line a method counts as one that moves something
    params: []
    result:
      name: status
      schema:
        type: object
        properties:
          shelf: { type: integer }
          battery: { type: integer, minimum: 0, maximum: 100 }

  - name: robot.move
    summary: Move the robot to a shelf
    params:
      - name: shelf
        required: true
        schema: { type: integer, minimum: 1, maximum: 24, description: The number of the shelf }
    result:
      name: shelf
      schema: { type: integer }
`;
