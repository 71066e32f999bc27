/** `2023-06-18T15:45:30.000+0800`: local time with milliseconds and a numeric offset without a colon (contract 1). */
export const formatTime: (ms: number) => string = createTimeFormat();

/** Nearly every time is in the second of the one before it. Then only its milliseconds are formatted. */
function createTimeFormat(): (ms: number) => string {
  let second = Number.NaN;
  let head = '';
  let offset = '';
  return (ms) => {
    const now = Math.floor(ms / 1000);
    if (now !== second) {
      const date = new Date(now * 1000);
      // The offset belongs to the moment: it changes with summer time.
      const ahead = -date.getTimezoneOffset();
      const minutes = Math.abs(ahead);
      second = now;
      head =
        `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}` +
        `T${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.`;
      offset = `${ahead < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`;
    }
    return head + pad(Math.floor(ms) - second * 1000, 3) + offset;
  };
}

function pad(value: number, length = 2): string {
  return String(value).padStart(length, '0');
}
