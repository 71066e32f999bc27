const MINUTE_MS = 60_000;

/** Returns the function that gives the minute of the day of a moment, 0 to 1439, on the wall clock of a time zone. */
export function createWallClock(timeZone: string): (at: Date) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  let last = { minute: Number.NaN, ofDay: 0 };
  return (at) => {
    // Formatting takes longer than all the rest of a decision: one result serves its whole minute.
    const minute = Math.floor(at.getTime() / MINUTE_MS);
    if (minute !== last.minute) last = { minute, ofDay: parseTime(format.format(at)) };
    return last.ofDay;
  };
}

/** The minutes from midnight to a time `HH:MM`. */
export function parseTime(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return hours! * 60 + minutes!;
}

/** Whether a minute of the day is in the time from the first up to the second; past midnight when the second is not later. */
export function isBetweenTimes(minute: number, from: number, to: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
