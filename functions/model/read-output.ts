/** Reads the field `output` of a request that passed all checks. */
import { withFormat } from './file-name-template.ts';
import { type Format, isKnownFormat, KNOWN_FORMATS } from './formats.ts';
import { DEFAULT_BACKGROUND, DEFAULT_STILL_SECONDS, type WantedOutput } from './plan.ts';
import type { ProcessMediaRequest } from './request-schema.ts';

type OutputField = ProcessMediaRequest['output'];

/** If there are formats, the first one gives size and fit. */
export function readOutput(field: OutputField = {}): WantedOutput {
  const { width, height, fps, still_seconds: stillSeconds = DEFAULT_STILL_SECONDS } = field;
  const [first] = allFormats(field);
  const size = first ?? { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
  return {
    ...('width' in size && { width: size.width }),
    ...('height' in size && { height: size.height }),
    ...(fps !== undefined && { fps }),
    ...(first === undefined ? fitOf(field) : { fit: first.fit, background: first.background }),
    stillSeconds,
    ...(field.reencode && { reencode: true }),
    ...(field.edit_lists && { editLists: true }),
  };
}

/** Undefined unless there are several. */
export function readFormats(field: OutputField = {}): Format[] | undefined {
  const all = allFormats(field);
  return all.length > 1 ? all : undefined;
}

/** The template of file names; undefined for the usual ones. */
export function readFileName(field: OutputField = {}): string | undefined {
  const all = allFormats(field);
  const [only] = all;
  const template = field.file_name;
  return template !== undefined && only !== undefined && all.length === 1
    ? withFormat(template, only.name)
    : template;
}

function allFormats(field: NonNullable<OutputField>): Format[] {
  return (field.formats ?? []).map((format) => {
    const wanted = typeof format === 'string' ? { name: format } : format;
    const { name, width, height, fit, background } = { ...sizeOf(wanted.name), ...wanted };
    const usual = fitOf(field);
    return {
      name,
      width: width as number,
      height: height as number,
      fit: fit ?? usual.fit,
      background: background?.toLowerCase() ?? usual.background,
    };
  });
}

function sizeOf(name: string): { width?: number; height?: number } {
  return isKnownFormat(name) ? KNOWN_FORMATS[name] : {};
}

function fitOf({ fit = 'contain', background = DEFAULT_BACKGROUND }: NonNullable<OutputField>) {
  return { fit, background: background.toLowerCase() } as const;
}
