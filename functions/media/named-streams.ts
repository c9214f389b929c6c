/** Names the streams of a file, also those that no decoder reads. For error messages. Pure. */
import { isSampleEncrypted, lettersIn } from './codec-tag.ts';
import { inputNumbers, outputStreams, type Printed } from './media-info.ts';

/** A stream, whether it can be decoded or not. */
export interface NamedStream {
  stream: number;
  /** ffmpeg's name, "none" if it has none. Empty if not enough is known to list the stream. */
  codec: string;
  /** The four letters that name the codec in the file; null if they are no printable ASCII. */
  letters: string | null;
  isCover: boolean;
  isSampleEncrypted: boolean;
}

/** All streams in the output of such a run. */
export function readStreams({ stderr, separator, listed }: Omit<Printed, 'file'>): NamedStream[] {
  const lines = stderr.split('\n');
  const outputs = outputStreams(lines, separator);
  const unlisted = new Map(
    [...stderr.matchAll(UNLISTED)].map(([, stream, codec]) => [Number(stream), codec as string]),
  );
  return inputNumbers(lines).map((stream, at) => {
    const [name = '', ...more] = outputs[at]?.fields ?? [];
    return {
      stream,
      codec: listed[at]?.codec ?? unlisted.get(stream) ?? '',
      letters: lettersIn(name),
      isCover: more.some((field) => field.includes('(attached pic)')),
      isSampleEncrypted: isSampleEncrypted(name),
    };
  });
}

/** What ffmpeg says of a stream without a size, which it does not list. A text of the file may say it too. */
const UNLISTED = /^\[.*\] Could not find codec parameters for stream (\d{1,3}) \(Video: (\w{1,20})/gm;
