using System.Globalization;
using Azure.Messaging.ServiceBus;
using Weir.Lanes;

namespace Weir.Completion;

/// <summary>
/// The topic of completions: a CloudEvent 1.0 for each end of a job whose type asks for it, in binary mode (attributes as application
/// properties "cloudEvents:…", as Azure writes them; https://github.com/cloudevents/spec, AMQP protocol binding).
/// </summary>
internal sealed class CompletionEvents(ServiceBusClient client)
{
    private const string Attribute = "cloudEvents:";

    private readonly ServiceBusSender sender = client.CreateSender(QueueNames.Events);

    public Task SendAsync(CompletionReport report, CancellationToken cancellation) => sender.SendMessageAsync(ToMessage(report), cancellation);

    private static ServiceBusMessage ToMessage(CompletionReport report)
    {
        var type = $"weir.job.{report.StateName}";
        // The topic drops a second copy within its window; after it, receivers know one by id and source.
        var message = new ServiceBusMessage(report.Data) { MessageId = report.Id, Subject = type, ContentType = "application/json" };
        var properties = message.ApplicationProperties;
        properties[$"{Attribute}specversion"] = "1.0";
        properties[$"{Attribute}id"] = report.Id;
        properties[$"{Attribute}source"] = $"urn:weir:{report.Tenant}";
        properties[$"{Attribute}type"] = type;
        properties[$"{Attribute}subject"] = report.JobId;
        properties[$"{Attribute}time"] = report.FinishedAt.ToString("O", CultureInfo.InvariantCulture);
        // For the filters of subscriptions, which cannot look into the body.
        properties["weir-type"] = report.Type;
        properties["weir-tenant"] = report.Tenant;
        return message;
    }
}
