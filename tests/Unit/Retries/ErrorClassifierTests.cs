using System.Net;
using System.Text.Json;
using Weir;
using Weir.Retries;

namespace Unit.Tests.Retries;

public sealed class ErrorClassifierTests
{
    [Theory]
    [InlineData(408, ErrorClass.Transient)]
    [InlineData(425, ErrorClass.Transient)]
    [InlineData(429, ErrorClass.Transient)]
    [InlineData(500, ErrorClass.Transient)]
    [InlineData(503, ErrorClass.Transient)]
    [InlineData(400, ErrorClass.Permanent)]
    [InlineData(404, ErrorClass.Permanent)]
    [InlineData(422, ErrorClass.Permanent)]
    internal void A_status_decides(int status, ErrorClass expected)
    {
        Assert.Equal(expected, ErrorClassifier.Classify(new HttpRequestException("no", null, (HttpStatusCode)status)));
        Assert.Equal(expected, ErrorClassifier.Classify(new Azure.RequestFailedException(status, "no")));
    }

    [Fact]
    public void What_a_handler_says_is_believed_and_what_nobody_knows_is_unknown()
    {
        Assert.Equal(ErrorClass.Permanent, ErrorClassifier.Classify(new PermanentException("no")));
        Assert.Equal(ErrorClass.Transient, ErrorClassifier.Classify(new TransientException("later")));
        Assert.Equal(ErrorClass.Transient, ErrorClassifier.Classify(new TimeoutException()));
        Assert.Equal(ErrorClass.Transient, ErrorClassifier.Classify(new HttpRequestException("connection refused")));
        Assert.Equal(ErrorClass.Permanent, ErrorClassifier.Classify(new JsonException()));
        Assert.Equal(ErrorClass.Transient, ErrorClassifier.Classify(new AggregateException(new Azure.RequestFailedException("refused"), new Azure.RequestFailedException("refused"))));
        Assert.Equal(ErrorClass.Unknown, ErrorClassifier.Classify(new InvalidOperationException()));
    }
}
