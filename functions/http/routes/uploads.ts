import { uploadRequestSchema, uploadSchema } from '../../model/answers/upload.ts';
import { UPLOAD, UPLOAD_REQUEST } from '../examples.ts';
import { BODY_CODES, type Route } from '../route.ts';
import { isUploadUrl, offerUpload, receiveUpload, type UploadsDeps } from '../uploads.ts';

export const UPLOADS: readonly Route<UploadsDeps>[] = [
  {
    name: 'offer-upload',
    method: 'POST',
    path: '/uploads',
    tag: 'Uploads',
    summary: 'Ask where to send a file',
    description:
      'For files that have no address of their own. Send the file to upload_url, then use url as that of a clip or track. ' +
      'A file is kept for 7 days.',
    body: {
      schema: uploadRequestSchema,
      examples: { clip: UPLOAD_REQUEST },
    },
    answers: { 201: { description: 'How to send the file.', schema: uploadSchema, example: UPLOAD } },
    codes: BODY_CODES,
    answer: offerUpload,
  },
  {
    name: 'send-upload',
    method: 'PUT',
    path: '/uploads/{upload_id}',
    tag: 'Uploads',
    summary: 'Send a file',
    description:
      'The upload_url of POST /uploads leads here, unless it leads to Cloud Storage. It needs no API key. Send the headers ' +
      'of that answer. Repeating it is harmless; what was interrupted is sent again from the start.',
    isPermitted: isUploadUrl,
    parameters: { upload_id: { description: 'As in upload_url.', schema: { type: 'string' } } },
    query: {
      bytes: { description: 'As in upload_url.', schema: { type: 'integer' } },
      type: { description: 'As in upload_url.', schema: { type: 'string' } },
      expires: { description: 'As in upload_url.', schema: { type: 'integer' } },
      signature: { description: 'As in upload_url.', schema: { type: 'string' } },
    },
    headers: {
      'Content-Type': { description: 'The type that was announced.', schema: { type: 'string' } },
    },
    body: { media: '*/*' },
    answers: { 204: { description: 'The file was stored.' } },
    codes: ['upload_forbidden', 'upload_mismatch', 'request_timeout'],
    answer: receiveUpload,
  },
];
