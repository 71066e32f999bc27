/** Why a write was not sent although it was permitted (core/tool.ts: CallContext.mayLeave). */
export const STOOD_STILL =
  'The server stood still after the call was permitted, and may have missed a stop meanwhile. The call was not sent';
