import { stemOf } from '../../common/word-stem.ts';

/**
 * Words that mean the same; a slash ends a meaning. The first word is the key of the others. A first word with "+" only
 * names keys. A word that is missing here still matches by its stem, or by its characters.
 */
const MEANINGS = `temperature temp warm hot cold chilly 温度 室温 气温 几度 多热 多冷 / light lamp bulb 灯光 电灯 灯 / power 电源
/ brightness bright dim dimmer 亮度 调亮 调暗 / color colour tint 颜色 色彩 / battery charge 电量 电池 / robot agv 机器人 / carry 携带 载
/ shelf shelves rack 货架 架子 / pick fetch grab collect 取货 拣货 取 拿 抓 / move drive go send bring travel 移动 前往 开到 送到 走到 去 移
/ status state condition 状态 情况 / position location where 位置 在哪 哪里 / item piece goods 货物 物品 货 件 / quantity amount count 数量
/ room indoors inside house 房间 室内 屋里 家里 / kitchen 厨房 / bedroom 卧室 / bathroom 浴室 卫生间 / office 办公室 / garage 车库 / garden 花园
/ balcony 阳台 / hall hallway corridor 走廊 门厅 / study 书房 / living+room 客厅 / dining+room 餐厅 / meeting+room 会议室 / mode 模式
/ auto automatic 自动 / cool 制冷 冷气 / heat 制热 暖气 加热 / dry dehumidify 除湿 / fan ventilation 送风 风扇 风机 / speed 速度 风速 转速
/ humidity moisture 湿度 / pressure 压力 / voltage 电压 / amperage 电流 / energy consumption 用电量 能耗 / door 门 / lock 锁 / window 窗户 窗
/ curtain blind shutter 窗帘 / volume loud 音量 / music song 音乐 / pump 水泵 泵 / valve 阀门 阀 / alarm 警报 报警 / aircon ac 空调
/ target setpoint desired 目标 / current actual measured now 当前 现在 实时 / all every everything whole 所有 全部 全都 都 / list 列出 列表
/ red 红色 红 / green 绿色 绿 / blue 蓝色 蓝 / white 白色 白 / yellow 黄色 黄 / purple violet 紫色 紫 / orange 橙色 橙 / +warm 暖色 暖光 暖白
/ low 低速 低 / medium middle 中速 中等 / high 高速 高 / weather 天气 / on+light 开灯 / off+light 关灯 / on+door 开门
/ off+door 关门 / set adjust change make put raise lower configure setting 设置 设定 设为 调到 调成 调为 调整 调节 改成 改为 变成 调 / turn switch
/ on open enable activate start 打开 开启 启动 启用 开着 开 / off close disable deactivate stop shut 关闭 关掉 关上 停止 停用 关着 关
/ get read query check show tell report display know see retrieve find 查询 查看 读取 获取 告诉 显示 看看 看 查 读`;
/** Words that do not say which tool is meant. */
const EMPTY = `a an the to of in at is are was were am be been me my i you your we our it its this that there here please and or with
for from by into can could would will shall should may do does did has have had what how much many which who if so up down out just
also then want need like us them they he she let right hi hello hey thank s t re ll ve m d percent degree celsius deg c left full 把 将 请 的 了 吗 呢
吧 啊 一下 帮我 帮 给我 我 你 您 它 他 她 这 那 是 在 到 和 与 有 里 上 下 多少 还 让 能不能 什么 怎么 怎么样 是否 几 个 号 度 着 现 为 成 能 可以 要`;

const table: ReadonlyMap<string, readonly string[]> = readTable();
const known = [...table.keys()].filter(isChinese).sort((a, b) => b.length - a.length);

/** Known Chinese words, the longest first. */
export const CHINESE_WORDS = new RegExp(`(${known.join('|')})`);
/** Keys that many tools share, so that they do not say what a sentence is about. */
export const GENERIC = new Set(
  'set turn on off get all move pick list status current'.split(' ').map(stemOf),
);

/** The keys of a word: its own stem when it is not in the table, none for an empty word. */
export function keysFor(word: string): readonly string[] {
  return table.get(normal(word)) ?? [normal(word)];
}

/** Whether a text has Chinese characters. */
export function isChinese(text: string): boolean {
  return /\p{Script=Han}/u.test(text);
}

function readTable(): Map<string, readonly string[]> {
  const entries = new Map<string, readonly string[]>(EMPTY.split(/\s+/).map((word) => [normal(word), []]));
  for (const [first = '', ...others] of MEANINGS.split('/').map((line) => line.trim().split(/\s+/))) {
    const keys = first.split('+').filter(Boolean).map(stemOf);
    for (const word of first.includes('+') ? others : [first, ...others]) entries.set(normal(word), keys);
  }
  return entries;
}

function normal(word: string): string {
  return isChinese(word) ? word : stemOf(word);
}
