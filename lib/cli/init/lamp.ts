/** A commented OpenAPI document of a lamp. */
export const lampTemplate = `# A lamp with an HTTP API. One path and method is one tool of the model.
openapi: "3.1.0"
info:
  title: Lamp
  version: "1.0.0"

servers:
  - url: http://127.0.0.1:8080   # the address of the lamp

paths:
  /power:
    get:
      operationId: get_power     # the name that the model uses
      summary: Get whether the lamp is on
      responses:
        "200":
          description: The state
          content:
            application/json:
              schema: { $ref: "#/components/schemas/Power" }
    put:                         # GET only reads; any other method may change the lamp
      operationId: set_power
      summary: Turn the lamp on or off
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: "#/components/schemas/Power" }
      responses:
        "200": { description: The new state }

components:
  schemas:
    Power:
      type: object
      required: ["on"]
      properties:
        "on": { type: boolean, description: true turns it on }
        brightness: { type: integer, minimum: 1, maximum: 100, description: percent }
  securitySchemes:
    key:                         # --credentials '{"key":"…"}' sends it; the model never sees it
      type: apiKey
      in: header
      name: X-Api-Key
# security: [{ key: [] }]        # without the # every call needs the key
`;
