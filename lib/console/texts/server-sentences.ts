/**
 * Sentences of the server that have no code, in English and in Chinese: warnings of documents, rarer faults, and the reasons why an
 * operation is no tool. A name in braces stands for any text, which the Chinese sentence repeats.
 */
export const serverSentences: readonly (readonly [english: string, chinese: string])[] = [
  // OpenModbus
  ['{name} is the name of {other} too', '{name} 也是 {other} 的名称'],
  ['{storage} can only be read', '{storage} 只能读取'],
  [
    'a {method} of {count} {things} is over the limit of {limit}',
    '一次 {method} {count} 个 {things} 超出上限 {limit}',
  ],
  ['{address} and {count} {things} reach beyond 65535', '从 {address} 起的 {count} 个 {things} 超出 65535'],
  ['{code} does not write {things}', '功能码 {code} 不写 {things}'],
  ['{code} writes one {thing}, not {count}', '功能码 {code} 只写一个 {thing}，而不是 {count} 个'],
  ['is for type tcp (RTU over TCP)', '只用于 tcp 类型（RTU over TCP）'],
  [
    'more than 1 is for Modbus TCP: other replies carry no transaction id',
    '大于 1 只用于 Modbus TCP：其他应答没有事务标识',
  ],
  ['must not be 0', '不能为 0'],
  ['is above max', '大于 max'],
  ['is for a bool in a register', '只用于寄存器中的 bool'],
  [
    '{type} cannot be in coils or discrete inputs: they hold bool',
    '{type} 不能放在线圈或离散输入中：那里只有 bool',
  ],
  ['a bool takes one register, not {count}', 'bool 占一个寄存器，而不是 {count} 个'],
  [
    '{type} takes {size} registers: count must be {least} or a multiple of it',
    '{type} 占 {size} 个寄存器：count 应为 {least} 或其倍数',
  ],
  [
    '{type} takes {size} registers: {used} are used instead of {given}',
    '{type} 占 {size} 个寄存器：使用 {used} 个，而不是 {given} 个',
  ],
  ['is for integers, not for {type}', '只用于整数，不用于 {type}'],
  ['is not a raw value of {type}', '不是 {type} 的原始值'],
  ['{text} stands twice', '{text} 出现了两次'],
  ['is beyond 2^53−1: write it as a decimal text', '超出 2^53−1：请写成十进制文本'],
  ['is above what {type} can hold', '大于 {type} 的最大值'],
  ['is below what {type} can hold', '小于 {type} 的最小值'],
  ['a call ends after {ms} ms in any case', '调用在任何情况下都在 {ms} 毫秒后结束'],
  ['a call ends after {ms} ms in any case, waiting included', '调用连同等待在任何情况下都在 {ms} 毫秒后结束'],
  ['a broadcast cannot be read back', '广播无法读回'],
  [
    '{written} looks like a number of a manual, which is {place}',
    '{written} 像是手册里的编号，在线路上是 {place}',
  ],
  ['not known, and ignored: {keys}', '未知并已忽略：{keys}'],
  [
    'a {type} has no multiplier and no offset: they are ignored',
    '{type} 没有 multiplier 和 offset：已忽略这两项',
  ],
  ['the document has no functions', '文档没有 functions'],
  // OpenAPI, OpenRPC and MCP
  ['The path {path} leads nowhere; its operations are unknown.', '路径 {path} 无处可循，其中的操作未知。'],
  ['The document has no operations, so there are no tools.', '文档没有操作，因此没有工具。'],
  ['The document has no methods, so there are no tools.', '文档没有方法，因此没有工具。'],
  ['The server has no tools.', '该服务没有工具。'],
  [
    'The document names no server: calls need a server given with the document.',
    '文档没有写明 servers：调用前请填写设备地址。',
  ],
  ['{fault}: calls need a server given with the document.', '{fault}：调用前请填写设备地址。'],
  [
    'The file {file} is not read: the document has over {count}.',
    '未读取文件 {file}：文档的文件多于 {count} 个。',
  ],
  [
    "The file {file} is not read: it is not in the document's folder.",
    '未读取文件 {file}：它不在文档所在的文件夹中。',
  ],
  ['The file {file} cannot be read: {reason}.', '无法读取文件 {file}：{reason}。'],
  [
    'The $ref "{ref}"{at} leads nowhere: any value is accepted there.',
    '$ref“{ref}”{at} 无处可循：那里接受任何值。',
  ],
  [
    'The pattern {pattern} is not checked: it is no pattern of JSON Schema, or has no linear time.',
    '不检查正则表达式 {pattern}：它不是 JSON Schema 的正则表达式，或不能在线性时间内匹配。',
  ],
  [
    'The key "{name}" stands twice in a mapping: the last one counts.',
    '键“{name}”在同一映射中出现了两次：以最后一个为准。',
  ],
  ['The key "__proto__" at {place} was left out.', '已略去 {place} 处的键“__proto__”。'],
  ['{what} to keep its schema short.', '{what}，以缩短其 schema。'],
  ['its schema is too large; {what}', '其 schema 过大；{what}'],
  ['not selected', '未被选用'],
  ['is of a kind that is not simulated', '此类设备不能模拟'],
  ['left out by include or exclude', '已被 include 或 exclude 排除'],
  ['"{key}" is no HTTP method; did you mean "{meant}"?', '“{key}”不是 HTTP 方法；是否想写“{meant}”？'],
  ["the operation's $ref leads nowhere: {ref}", '操作的 $ref 无处可循：{ref}'],
  ["a parameter's $ref leads nowhere: {ref}", '参数的 $ref 无处可循：{ref}'],
  ["the body's $ref leads nowhere: {ref}", '正文的 $ref 无处可循：{ref}'],
  [
    'a media type of the body is left out, its $ref leads nowhere: {ref}',
    '已略去正文的一种媒体类型，其 $ref 无处可循：{ref}',
  ],
  ['a parameter without a name or a place is left out', '已略去没有名称或位置的参数'],
  [
    'parameter "{name}" is in "{place}", which is no place; it is left out',
    '参数“{name}”的位置“{place}”不存在；已略去',
  ],
  ['the path has no {{name}}; that parameter is left out', '路径中没有 {{name}}；已略去该参数'],
  // The text of a document
  ['is missing', '缺少此项'],
  ['The document is empty.', '文档是空的。'],
  ['The document is {what}, not an object.', '文档不是对象，而是 {what}。'],
  ['The document is not JSON.', '文档不是 JSON。'],
  ['The text holds several YAML documents; send one.', '文本含有多个 YAML 文档；请只给一个。'],
  ['The document is nested too deeply (over {count} levels).', '文档嵌套过深（多于 {count} 层）。'],
  [
    'The protocol says "{protocol}", but the document is {kind}.',
    'protocol 为“{protocol}”，而文档是 {kind}。',
  ],
  ['refers to a value that it is part of', '引用了包含自身的值'],
  // Accounts
  ['The name or the password is wrong.', '用户名或密码错误。'],
  ['The code is wrong, used or too old.', '验证码错误、已用过或已过期。'],
  ['Too many failed attempts; try again later.', '失败次数过多；请稍后再试。'],
  ['The token is unknown or no longer valid.', '令牌未知或已失效。'],
  ['The key is unknown or no longer valid.', '密钥未知或已失效。'],
  ['The refresh token is not valid: sign in again.', '登录已失效：请重新登录。'],
  ['is too short: at least {count} characters', '过短：至少 {count} 个字符'],
  ['is too long: at most {count} characters', '过长：最多 {count} 个字符'],
  ['is too common', '过于常见'],
  ['is the name or e-mail of the user', '与用户名或邮箱相同'],
  ['is taken', '已被占用'],
  // Devices and rules
  ['There is no device "{name}".', '没有设备“{name}”。'],
  [
    'the document has no security scheme of this name, and the key is not sent; did you mean "{meant}"?',
    '文档没有这个名称的安全方案，密钥不会发送；是否想写“{meant}”？',
  ],
  [
    'the document has no security scheme of this name, and the key is not sent',
    '文档没有这个名称的安全方案，密钥不会发送',
  ],
  ['"{pattern}" names no tool of this device', '“{pattern}”不是该设备的任何工具'],
  [
    '{name} is no role: role:visitor, role:user or role:admin',
    '{name} 不是角色：role:visitor、role:user 或 role:admin',
  ],
  [
    '{name} names no user: this entry lets nobody use the device',
    '{name} 不是任何用户：此项不让任何人使用设备',
  ],
  [
    'has a password or a key in it: give it as apiKey or credentials',
    '其中有密码或密钥：请写在 apiKey 或 credentials 中',
  ],
  ['is no tool of the document: {name}', '不是文档中的工具：{name}'],
  ['belongs to "decision": "ask" only', '只用于 "decision": "ask"'],
  [
    'is other, but with AUTH=none there is nobody else: use owner, or set AUTH=required',
    '为 other，但 AUTH=none 时没有其他人：请用 owner，或设置 AUTH=required',
  ],
  ['has the same time twice: leave it out for the whole day', '两个时间相同：全天有效时请略去'],
  ['begins at 24:00: a beginning is written 00:00', '从 24:00 开始：开始时间应写 00:00'],
  ['can never hold: above {above} and below {below}', '永远不成立：大于 {above} 且小于 {below}'],
  [
    'is no regular expression, or one that takes too long: back references and look-behind are not taken',
    '不是正则表达式，或耗时过长：不接受反向引用和后行断言',
  ],
  ['is no JSON pointer: "~" is written "~0" in one', '不是 JSON 指针：“~”在其中应写作“~0”'],
  ['needs min, max or maxStep beside it', '还需要 min、max 或 maxStep'],
  ['is {min}, above max, which is {max}', '为 {min}，大于 max（{max}）'],
  [
    'limits nothing: give min, max, maxStep, maxCalls with perSeconds, or minIntervalSeconds',
    '没有任何限制：请写 min、max、maxStep、maxCalls 与 perSeconds，或 minIntervalSeconds',
  ],
  [
    'is longer than AUDIT_DAYS ({days}), after which calls are not counted: take at most {most}',
    '长于 AUDIT_DAYS（{days} 天），此后的调用不再计数：最多为 {most}',
  ],
];
