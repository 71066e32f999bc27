/**
 * Words that mean the same to the demo model, a line a meaning: the first is its key, English words by their stem, Chinese
 * ones as they stand in a sentence. Everyday device words; what is not here still matches by stem or by pairs of characters.
 */
const MEANINGS = `
temperature temp warm hot cold chilly 温度 室温 气温 几度 多热 多冷
light lamp bulb lights 灯光 电灯 灯
brightness bright dim dimmer 亮度 调亮 调暗
color colour tint 颜色 色彩
power 电源
battery charge 电量 电池
robot agv 机器人
shelf shelves rack 货架 架子
pick fetch grab collect 取货 拣货 取 拿 抓
move drive go send bring travel navigate 移动 前往 开到 送到 走到 去 移
status state condition 状态 情况
position location where 位置 在哪 哪里
carry carries 携带 载
item items piece goods 货物 物品 货 件
quantity amount count 数量
room indoors inside house 房间 室内 屋里 家里
kitchen 厨房
bedroom 卧室
bathroom 浴室 卫生间
office 办公室
garage 车库
garden 花园
balcony 阳台
hall hallway corridor 走廊 门厅
study 书房
mode 模式
auto automatic 自动
cool cooling 制冷 冷气
heat heating 制热 暖气 加热
dry dehumidify 除湿
fan ventilation 送风 风扇 风机
speed 速度 风速 转速
humidity moisture 湿度
pressure 压力
voltage 电压
current_flow 电流
energy consumption 用电量 能耗
door 门
lock 锁
window 窗户 窗
curtain blind shutter 窗帘
volume loud 音量
music song 音乐
pump 水泵 泵
valve 阀门 阀
alarm 警报 报警
aircon ac 空调
target setpoint desired 目标
current actual measured now 当前 现在 实时
all every everything everywhere whole 所有 全部 全都 都
list 列出 列表
red 红色 红
green 绿色 绿
blue 蓝色 蓝
white 白色 白
yellow 黄色 黄
warm_light 暖色 暖光 暖白
purple violet 紫色 紫
orange 橙色 橙
low 低速 低
medium middle 中速 中等
high 高速 高
weather 天气
set adjust change make put configure setting 设置 设定 设为 调到 调成 调为 调整 调节 改成 改为 变成 调
turn switch
on enable activate start 打开 开启 启动 开灯 启用 开着 开
off disable deactivate stop shut 关闭 关掉 关上 停止 停用 关灯 关着 关
open
close
get read query check show tell report display know see retrieve find 查询 查看 读取 获取 告诉 显示 看看 看 查 读
`;

/** Words for on (true) and off (false). */
export const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['open', true],
  ['off', false],
  ['clos', false],
]);

/** Chinese words for things that English says in two. */
const PHRASES: Record<string, string[]> = {
  客厅: ['living', 'room'],
  餐厅: ['dining', 'room'],
  会议室: ['meeting', 'room'],
  开灯: ['on', 'light'],
  关灯: ['off', 'light'],
  开门: ['open', 'door'],
  关门: ['close', 'door'],
  暖色: ['warm'],
  暖光: ['warm'],
};

/** Words that say nothing about which tool is meant. */
const EMPTY = `a an the to of in at is are was were am be been me my i you your we our it its this that there here please and or
with for from by into onto onto can could would will shall should may do does did has have had what how much many which who
if so up down out just now also then want need like us them they he she let lets right hi hello hey thanks thank s t re ll ve m d percent degree degrees celsius deg
把 将 请 的 了 吗 呢 吧 啊 一下 帮我 帮 给我 我 你 您 它 他 她 这 那 是 在 到 和 与 有 里 上 下 多少 什么 怎么 怎么样 是否 几 个 号 度 着 现 为 成 能 可以 要`;

export interface Vocabulary {
  /** From a stem or Chinese word to its keys. */
  english: Map<string, string>;
  chinese: Map<string, string[]>;
  empty: Set<string>;
  longestChinese: number;
}

let built: Vocabulary | undefined;

/** The tables, built when first used. */
export function vocabulary(): Vocabulary {
  if (built !== undefined) return built;
  const english = new Map<string, string>();
  const chinese = new Map<string, string[]>();
  for (const line of MEANINGS.trim().split('\n')) {
    const [first = '', ...others] = line.split(' ');
    const key = stem(first);
    for (const word of [first, ...others])
      if (isChinese(word)) chinese.set(word, [key]);
      else english.set(stem(word), key);
  }
  for (const [word, keys] of Object.entries(PHRASES)) chinese.set(word, keys.map(stem));
  for (const word of EMPTY.split(/\s+/)) if (isChinese(word) && !chinese.has(word)) chinese.set(word, []);
  built = {
    english,
    chinese,
    empty: new Set(
      EMPTY.split(/\s+/)
        .filter((word) => !isChinese(word))
        .map(stem),
    ),
    longestChinese: Math.max(...[...chinese.keys()].map((word) => word.length)),
  };
  return built;
}

/** An English word without its ending: plural, -ing, -ed, and the e that they hide. */
export function stem(word: string): string {
  let short = word.toLowerCase();
  if (short.length > 3 && short.endsWith('ies')) short = `${short.slice(0, -3)}y`;
  else if (short.length > 4 && /(?:ch|sh|x|ss)es$/.test(short)) short = short.slice(0, -2);
  else if (short.length > 3 && short.endsWith('s') && !/(?:ss|us|is)$/.test(short))
    short = short.slice(0, -1);
  if (short.length > 5 && short.endsWith('ing')) short = short.slice(0, -3);
  else if (short.length > 4 && short.endsWith('ed')) short = short.slice(0, -2);
  if (short.length > 3 && short.endsWith('e')) short = short.slice(0, -1);
  return short;
}

/** Whether a text holds Chinese characters. */
export function isChinese(text: string): boolean {
  return /\p{Script=Han}/u.test(text);
}
